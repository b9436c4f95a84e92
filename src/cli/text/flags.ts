/** What the core's sentences, which any face shows, advise; and the options with which a command does it. */
const FLAGS: readonly (readonly [advice: RegExp, flag: string])[] = [
  [/a reference may|another checkpoint of the run/, '--reference'],
  [/, or you$|you may know the order|^Say which shape/, '--shape NAME=2,3'],
  [/waits for your word/, '--plain'],
  [/^Say for how many processes/, '--world-size N'],
  [/partial export/, '--partial'],
  [/With all values checked/, '--deep'],
  [/set a largest shard/, '--max-shard-size'],
  [/Write a PyTorch file instead/, '--format torch'],
  [/make a new one/, '--dry-run --json'],
  [/repair into a new folder/, '--out'],
]

/** A sentence of the core, with the options that do what it advises. */
export function withFlags(text: string): string {
  const flags = FLAGS.filter(([advice]) => advice.test(text)).map(([, flag]) => flag)
  return flags.length === 0 ? text : `${text} (${flags.join(', ')})`
}
