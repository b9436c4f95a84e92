import { serve } from './serve'

/** The engine as a process of its own: every port that arrives is a face of the app. */
process.parentPort.on('message', ({ ports: [port] }) => {
  if (!port) return
  serve(port)
  port.start()
})
