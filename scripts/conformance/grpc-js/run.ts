import { createRequire } from 'node:module'
import * as grpc from '@grpc/grpc-js'
import { Metadata } from '../../../src/compat/index.js'
import { Cases } from './cases.js'
import { differenceOf } from './differences.js'
import { Server } from './server.js'

// Runs one file of grpc-js's tests, prepared by index.ts. Prints a line of JSON for each case.

const [file, name] = process.argv.slice(2)
const cases = new Cases()
Object.assign(globalThis, cases.globals(), {
  // What `../src` and `../src/metadata` are there: clients of grpc-js, on servers of ours.
  grpcJs: { ...grpc, Server },
  grpcJsMetadata: { Metadata },
})
process.on('uncaughtException', error => {
  if (!cases.uncaught(error)) console.error(error)
})
createRequire(import.meta.url)(file!)
for await (const { name: test, error } of cases.run(each => !differenceOf(name!, each))) {
  console.log(JSON.stringify({ case: test, ok: error === undefined, error }))
}
process.exit()
