import { readFile } from 'node:fs/promises'
import { extname, join, normalize, sep } from 'node:path'
import { app, protocol, session, type WebContents } from 'electron'

/**
 * The page comes from a scheme of its own, so that it has an origin and headers, and so that nothing in it can reach file: or
 * the network. `electron-vite dev` serves it instead while developing.
 */
const SCHEME = 'assay'
const ORIGIN = `${SCHEME}://app`
const DEVELOPMENT = app.isPackaged ? undefined : process.env.ELECTRON_RENDERER_URL

export const PAGE = DEVELOPMENT ?? `${ORIGIN}/index.html`

/** Styles are inline because the component library writes style elements; scripts never are. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data: blob:",
  "font-src 'self' data:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.woff2': 'font/woff2',
}

/** Must be called before the app is ready. */
export function claimScheme(): void {
  protocol.registerSchemesAsPrivileged([{ scheme: SCHEME, privileges: { standard: true, secure: true } }])
}

/** Serves the built page and shuts every other door of the session. */
export function servePage(): void {
  protocol.handle(SCHEME, (request) => respond(new URL(request.url)))
  const { defaultSession } = session
  defaultSession.setPermissionRequestHandler((_contents, permission, answer) => answer(WANTED.has(permission)))
  defaultSession.setPermissionCheckHandler((_contents, permission) => WANTED.has(permission))
  if (DEVELOPMENT) return
  defaultSession.webRequest.onBeforeRequest((request, answer) => {
    answer({ cancel: !LOCAL.has(new URL(request.url).protocol) })
  })
}

/** Copying a name or a report is all the page may ask of the system. */
const WANTED = new Set(['clipboard-sanitized-write'])
const LOCAL = new Set([`${SCHEME}:`, 'data:', 'blob:', 'devtools:'])

/** Keeps a window on the page: no navigation, no other window, no embedded content. */
export function keepOnPage(contents: WebContents): void {
  contents.on('will-navigate', (event) => event.preventDefault())
  contents.on('will-attach-webview', (event) => event.preventDefault())
  contents.setWindowOpenHandler(() => ({ action: 'deny' }))
}

/** Whether a message comes from the page and from nothing else that a frame may hold. */
export function isPage(url: string | undefined): boolean {
  return url !== undefined && new URL(url).origin === new URL(PAGE).origin
}

async function respond({ host, pathname }: URL): Promise<Response> {
  const root = join(__dirname, '../renderer')
  const file = normalize(join(root, decodeURIComponent(pathname)))
  const type = TYPES[extname(file)]
  if (host !== 'app' || !file.startsWith(root + sep) || type === undefined) return new Response(null, { status: 404 })
  try {
    const headers = { 'content-type': type, 'content-security-policy': POLICY, 'x-content-type-options': 'nosniff' }
    return new Response(await readFile(file), { headers })
  } catch {
    return new Response(null, { status: 404 })
  }
}
