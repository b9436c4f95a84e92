/** Preloaded into what is measured: leaves, when it ends, how long the process lived and the most memory it had. */
const { writeFileSync } = require('node:fs')

process.on('exit', () => {
  const seconds = performance.now() / 1000
  const residentBytes = process.resourceUsage().maxRSS * 1024
  writeFileSync(process.env.ASSAY_BENCH_OUT, JSON.stringify({ seconds, residentBytes }))
})
