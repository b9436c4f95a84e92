/** Pixels of the picture for each of the screen's: sharp in a report. */
const SCALE = 2
const HEAD = 34
const MARGIN = 10

/** What a style sheet may say of an SVG element; a picture has no style sheet. */
const PROPERTIES = [
  'fill',
  'fill-opacity',
  'stroke',
  'stroke-opacity',
  'stroke-width',
  'stroke-dasharray',
  'stroke-linecap',
  'font-size',
  'font-weight',
  'opacity',
  'text-anchor',
]

interface Caption {
  readonly title: string
  /** Names of the lines, each with a CSS colour. */
  readonly keys: readonly { readonly name: string; readonly colour: string }[]
}

/** A drawing of the page as PNG, in the page's colours, below its title and the names of its lines. */
export async function pictureOf(svg: SVGSVGElement, { title, keys }: Caption): Promise<Blob> {
  const { width, height } = svg.getBoundingClientRect()
  const page = getComputedStyle(document.documentElement)
  const canvas = document.createElement('canvas')
  canvas.width = (width + 2 * MARGIN) * SCALE
  canvas.height = (height + HEAD + MARGIN) * SCALE
  const context = canvas.getContext('2d')
  if (!context) throw new Error('This window cannot draw a picture')
  context.scale(SCALE, SCALE)
  context.fillStyle = page.getPropertyValue('--surface')
  context.fillRect(0, 0, canvas.width, canvas.height)
  context.textBaseline = 'middle'
  context.font = `600 13px ${page.getPropertyValue('--font-sans')}`
  context.fillStyle = page.getPropertyValue('--text')
  context.fillText(title, MARGIN + 4, HEAD / 2)
  let x = MARGIN + 4 + context.measureText(title).width + 16
  context.font = `12px ${page.getPropertyValue('--font-sans')}`
  for (const { name, colour } of keys) {
    context.fillStyle = page.getPropertyValue(colour)
    context.fillRect(x, HEAD / 2 - 1, 14, 2)
    context.fillStyle = page.getPropertyValue('--text-soft')
    context.fillText(name, x + 19, HEAD / 2)
    x += 19 + context.measureText(name).width + 14
  }
  context.drawImage(await imageOf(svg, width, height), MARGIN, HEAD, width, height)
  return new Promise((resolve, reject) =>
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error('The picture is too large'))), 'image/png'),
  )
}

async function imageOf(svg: SVGSVGElement, width: number, height: number): Promise<HTMLImageElement> {
  const copy = svg.cloneNode(true)
  if (!(copy instanceof SVGSVGElement)) throw new Error('Not a drawing')
  copy.setAttribute('xmlns', 'http://www.w3.org/2000/svg')
  copy.setAttribute('width', `${width * SCALE}`)
  copy.setAttribute('height', `${height * SCALE}`)
  copy.setAttribute('viewBox', `0 0 ${width} ${height}`)
  copy.style.fontFamily = getComputedStyle(svg).fontFamily
  const originals = svg.querySelectorAll('*')
  for (const [i, element] of [...copy.querySelectorAll('*')].entries()) {
    const original = originals[i]
    if (!original) continue
    const style = getComputedStyle(original)
    for (const property of PROPERTIES) element.setAttribute(property, style.getPropertyValue(property))
  }
  const image = new Image()
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(new XMLSerializer().serializeToString(copy))}`
  await image.decode()
  return image
}
