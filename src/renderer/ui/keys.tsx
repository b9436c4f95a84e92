import classes from './keys.module.css'

const MAC = typeof navigator !== 'undefined' && /mac/i.test(navigator.platform)

const NAMES: Readonly<Record<string, string>> = {
  Escape: 'Esc',
  alt: MAC ? '⌥' : 'Alt',
  ArrowUp: '↑',
  ArrowDown: '↓',
  ArrowLeft: '←',
  ArrowRight: '→',
  '[plus]': '+',
}

/** `mod+shift+P` as this system writes it. */
function keyNames(keys: string): string[] {
  // Where the question mark is on a keyboard, its own shift is understood.
  return keys
    .replace('shift+?', '?')
    .split('+')
    .map((key) => {
      if (key === 'mod') return MAC ? '⌘' : 'Ctrl'
      if (key === 'shift') return MAC ? '⇧' : 'Shift'
      return NAMES[key] ?? key
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
