/** Preloaded into what is measured: leaves, when it ends, how long the process lived, what it computed and the most memory it had. */
const { writeFileSync } = require('node:fs')

process.on('exit', () => {
  const seconds = performance.now() / 1000
  const { maxRSS, userCPUTime, systemCPUTime } = process.resourceUsage()
  const usage = { seconds, cpuSeconds: (userCPUTime + systemCPUTime) / 1e6, residentBytes: maxRSS * 1024 }
  writeFileSync(process.env.ASSAY_BENCH_OUT, JSON.stringify(usage))
})
