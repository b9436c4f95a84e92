/** Hands a file to the user to keep: the app asks where. */
export function saveFile(name: string, content: Blob): void {
  const url = URL.createObjectURL(content)
  const link = document.createElement('a')
  link.href = url
  link.download = name
  link.click()
  // The download takes the blob at once; the address may go after it.
  setTimeout(() => URL.revokeObjectURL(url), 10_000)
}

/** A file name of a title: `grad_norm / rank` is `grad_norm-rank`. */
export function fileNameOf(title: string, extension: string): string {
  const stem = title.toLowerCase().replace(/[^\p{L}\p{N}_.-]+/gu, '-')
  return `${stem.replace(/^[-.]+|[-.]+$/g, '') || 'chart'}.${extension}`
}
