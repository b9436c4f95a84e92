import { expect, it } from 'vitest'
import { pathsIn } from '../../src/main/arguments'

it('finds the paths behind the program and its switches, and makes them absolute', () => {
  const argv = ['/opt/assay', '--no-sandbox', 'runs/gpt2', '/data/model.pt']
  expect(pathsIn(argv, false, '/home/me')).toEqual(['/home/me/runs/gpt2', '/data/model.pt'])
})

it('leaves out the folder of the app where Electron was started on it', () => {
  expect(pathsIn(['electron', '--inspect=0', '.', 'runs'], true, '/home/me')).toEqual(['/home/me/runs'])
  expect(pathsIn(['electron', '.'], true, '/home/me')).toEqual([])
})
