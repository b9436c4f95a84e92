import classes from './keys.module.css'

const MAC = typeof navigator !== 'undefined' && /mac/i.test(navigator.platform)

/** `mod+shift+P` as this system writes it. */
function keyNames(keys: string): string[] {
  return keys.split('+').map((key) => {
    if (key === 'mod') return MAC ? '⌘' : 'Ctrl'
    if (key === 'shift') return MAC ? '⇧' : 'Shift'
    if (key === 'Escape') return 'Esc'
    return key
  })
}

export function Keys({ keys }: { keys: string }) {
  return (
    <span className={classes.keys}>
      {keyNames(keys).map((key) => (
        <kbd key={key}>{key}</kbd>
      ))}
    </span>
  )
}
