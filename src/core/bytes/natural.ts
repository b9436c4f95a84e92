let collator: Intl.Collator | undefined

/**
 * Orders names as people count: `checkpoint-9` before `checkpoint-10`. The rules of the language are loaded at the first pair: they take as
 * long as a small file does from beginning to end.
 */
export function natural(a: string, b: string): number {
  collator ??= new Intl.Collator('en', { numeric: true })
  return collator.compare(a, b)
}
