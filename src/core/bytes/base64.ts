/** The bytes that base64 stands for; what is none of its characters is passed over. Some ten times as fast as `atob`. */
export function fromBase64(text: string): Uint8Array {
  return Buffer.from(text, 'base64')
}
