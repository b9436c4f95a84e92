import { type Finding, finding, type RuleId } from '../finding'

/** Findings of one kind told one by one; what comes after is summed up in one more. */
const MOST_ALIKE = 20

/** Gathers findings about the parts of one file, which may be a million with the same trouble. */
export class Report {
  readonly #kinds = new Map<string, { rule: RuleId; first: Finding[]; more: number }>()

  /** `kind` tells which findings are alike; the other arguments are those of `finding`. */
  add(kind: string, rule: RuleId, subject: string, message: string, evidence?: Record<string, unknown>): void {
    let known = this.#kinds.get(kind)
    if (!known) {
      known = { rule, first: [], more: 0 }
      this.#kinds.set(kind, known)
    }
    if (known.first.length < MOST_ALIKE) known.first.push(finding(rule, subject, message, evidence && { evidence }))
    else known.more++
  }

  /** All of them, `file` being the subject of the sums. */
  findings(file: string): Finding[] {
    const all: Finding[] = []
    for (const { rule, first, more } of this.#kinds.values()) {
      all.push(...first)
      if (more > 0)
        all.push(finding(rule, file, `${more} more parts of the file have the same trouble`, { evidence: { more } }))
    }
    return all
  }
}

/** A name from a file as a message shows it: quoted, escaped, and cut when it is absurdly long. */
export function quote(name: string): string {
  return JSON.stringify(name.length > 200 ? `${name.slice(0, 200)}...` : name)
}
