const CELLS = [
  [4, 4],
  [9.5, 4],
  [15, 4],
  [4, 9.5],
  [15, 9.5],
  [4, 15],
  [9.5, 15],
] as const

/** The app's icon: a block of values, one of them tested, one of them missing. */
export function Logo({ size }: { size: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 24 24" aria-hidden>
      <rect x="0.5" y="0.5" width="23" height="23" rx="5.5" fill="#14161a" stroke="#3a4150" />
      {CELLS.map(([x, y]) => (
        <rect key={`${x} ${y}`} x={x} y={y} width="4.5" height="4.5" rx="1" fill="#565f73" />
      ))}
      <rect x="9.5" y="9.5" width="4.5" height="4.5" rx="1" fill="#f2b544" />
      <rect
        x="15.4"
        y="15.4"
        width="3.7"
        height="3.7"
        rx="0.8"
        fill="none"
        stroke="#f2b544"
        strokeWidth="0.9"
        strokeDasharray="1.6 1"
      />
    </svg>
  )
}
