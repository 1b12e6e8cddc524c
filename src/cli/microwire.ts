#!/usr/bin/env node
import { runGenerate } from './generate-program.js'

process.exitCode = runGenerate(process.argv.slice(2), {
  print: text => process.stdout.write(text),
  complain: text => process.stderr.write(text),
})
