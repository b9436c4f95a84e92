/** The pictures of the README, made anew from the built app: `node scripts/with-display.mjs node scripts/pictures.mjs`. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { _electron } from 'playwright-core'

const root = fileURLToPath(new URL('..', import.meta.url))
const [folder = join(root, 'docs/images')] = process.argv.slice(2)
const room = mkdtempSync(join(tmpdir(), 'assay-'))
const run = join(room, 'tiny-gpt2')
const spoilt = join(room, 'tiny-gpt2-nan')
cpSync(join(root, 'resources/sample/tiny-gpt2'), run, { recursive: true })
cpSync(join(root, 'test/golden/trainer-gpt2/data'), spoilt, { recursive: true })
for (const name of ['transformer.h.0.attn.c_attn.weight', 'transformer.h.1.mlp.c_fc.weight'])
  spoil(join(spoilt, 'checkpoint-30/model.safetensors'), name)

const app = await _electron.launch({
  executablePath: createRequire(import.meta.url)('electron'),
  args: [...(process.getuid?.() === 0 ? ['--no-sandbox'] : []), `--user-data-dir=${join(room, 'profile')}`, root, run],
})
const page = await app.firstWindow()
const at = (id) => page.getByTestId(id)
try {
  await app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0].setContentSize(1360, 835))
  await page.emulateMedia({ colorScheme: 'dark' })
  await at('run-row').nth(2).waitFor()
  await picture('run-dark')

  await open(join(run, 'checkpoint-30'))
  await at('nav-overview').click()
  await at('verdict').first().waitFor()
  await picture('overview-dark')
  await at('nav-training').click()
  await at('chart-loss').waitFor()
  await picture('training-dark')

  await open(join(spoilt, 'checkpoint-30'))
  await at('verify-deep').click()
  await at('verified-deep').waitFor()
  await at('nav-repair').click()
  await at('repair-for-all').click()
  await page.getByRole('option', { name: 'checkpoint-20' }).click()
  await at('repair-before-after').first().click()
  await at('before-after').locator('canvas').nth(1).waitFor()
  await picture('repair-dark')

  await open(join(run, 'checkpoint-30'))
  await page.emulateMedia({ colorScheme: 'light' })
  await at('nav-tensors').click()
  await at('tensor-row').nth(3).click()
  await at('tensor-detail').locator('canvas').waitFor()
  await picture('tensors-light')
  await at('nav-compare').click()
  await at('compare-offer').first().click()
  await at('compare-summary-changed').waitFor()
  await at('diff-row').nth(3).click()
  await at('difference').locator('canvas').waitFor()
  await picture('compare-light')
} finally {
  await app.close()
  rmSync(room, { recursive: true, force: true })
}

/** Opens a path in the window as a second start of the app would. */
async function open(path) {
  await app.evaluate(({ BrowserWindow }, place) => {
    BrowserWindow.getAllWindows()[0].webContents.send('assay:open', place)
  }, path)
  await page.locator('footer').getByText(path, { exact: true }).waitFor()
}

async function picture(name) {
  await page.mouse.move(700, 822)
  // Values of the rows in sight come one after the other.
  await page.waitForTimeout(2000)
  await page.getByRole('tooltip').waitFor({ state: 'detached' })
  await page.screenshot({ path: join(folder, `${name}.png`), animations: 'disabled' })
}

/** Makes the first hundred values of a tensor NaN. */
function spoil(path, name) {
  const bytes = readFileSync(path)
  const header = Number(bytes.readBigUInt64LE())
  const [start] = JSON.parse(bytes.toString('utf8', 8, 8 + header))[name].data_offsets
  for (let i = 0; i < 100; i++) bytes.writeFloatLE(Number.NaN, 8 + header + start + 4 * i)
  writeFileSync(path, bytes)
}
