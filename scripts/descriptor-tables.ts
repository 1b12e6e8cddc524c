import { readFileSync, writeFileSync } from 'node:fs'
import { generateTables } from './descriptor-tables/tables.js'

// Writes what the generator reads descriptors with: its own output for descriptor.proto and plugin.proto.
// Needs a descriptor set of both: protoc --include_imports -o set.bin google/protobuf/compiler/plugin.proto
//
//   node .build/scripts/descriptor-tables.js set.bin

const [path] = process.argv.slice(2)
if (path === undefined) throw new Error('give the path of a descriptor set')
for (const { name, content } of generateTables(readFileSync(path))) {
  writeFileSync(name, content)
  console.log(`${name}: ${content.split('\n').length} lines`)
}
