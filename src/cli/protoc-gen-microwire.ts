#!/usr/bin/env node
import { runPluginProgram } from './plugin-program.js'

process.exitCode = await runPluginProgram(process.stdin, {
  print: bytes => process.stdout.write(bytes),
  complain: text => process.stderr.write(text),
})
