/**
 * What a row is held to. `most`: times as long as another row of its table, at most; `seconds` and `megabytes`: of the row itself.
 * Measured in one run on one machine, so that only a ratio tells.
 */
export function toldOf(target, row, rows) {
  const [says, value, limit] = measured(target, row, rows)
  return value === undefined ? undefined : `${says}: ${shown(value)}, ${value <= limit ? 'met' : '**not met**'}`
}

function measured({ than, most, seconds, megabytes }, row, rows) {
  if (seconds !== undefined) return [`≤ ${seconds} s`, row.seconds, seconds]
  if (megabytes !== undefined) return [`≤ ${megabytes} MB`, row.residentBytes / 1e6, megabytes]
  const other = rows.find(({ what }) => what === than)
  return [`≤ ${most} x ${than}`, other && row.seconds / other.seconds, most]
}

function shown(value) {
  return value >= 100 ? String(Math.round(value)) : value.toFixed(2)
}
