import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { memorySource, readBytes } from '../../../../src/core/bytes/source'
import { entrySource, openZip } from '../../../../src/core/container/zip'
import { casesLike, goldenPath } from '../../../golden/cases'

export interface Stream {
  readonly name: string
  readonly bytes: Uint8Array
}

/** What is at the front of each golden file that begins like a pickle, and every `.pkl` record of each archive. */
export async function pickles(prefix = ''): Promise<Stream[]> {
  const found: Stream[] = []
  for (const path of casesLike(prefix).flatMap((name) => filesBelow(goldenPath(name, 'data'), name))) {
    const bytes = new Uint8Array(readFileSync(path.absolute))
    if (bytes[0] === 0x50 && bytes[1] === 0x4b) {
      for (const record of await records(bytes)) found.push({ ...record, name: `${path.name}:${record.name}` })
    } else if (bytes[0] === 0x80 && (bytes[1] as number) <= 5 && !path.name.endsWith('.safetensors')) {
      found.push({ name: path.name, bytes })
    }
  }
  return found
}

function filesBelow(folder: string, name: string): { readonly absolute: string; readonly name: string }[] {
  try {
    return readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .map((absolute) => ({ absolute, name: name + absolute.slice(folder.length) }))
  } catch {
    // Folders that are no case.
    return []
  }
}

async function records(bytes: Uint8Array): Promise<Stream[]> {
  const archive = await openZip(memorySource('archive', bytes))
  const whole = archive.torn ? [] : archive.entries.filter((entry) => entry.name.endsWith('.pkl'))
  return Promise.all(
    whole.map(async (entry) => {
      const record = entrySource(archive, entry)
      return { name: entry.name, bytes: await readBytes(record, 0, record.size) }
    }),
  )
}
