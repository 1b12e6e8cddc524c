import { FileDescriptorProto } from '../descriptor/descriptor-table.js'
import { quote } from '../schema/names.js'
import type { Schema } from '../schema/schema.js'
import type { ModuleText } from './module-text.js'

const LINE_SIZE = 100

/** The descriptors of a file and of all that it imports, for server reflection. Comments are left out. */
export function emitDescriptors(module: ModuleText, schema: Schema): void {
  if (module.file.services.length === 0) return
  const names = new Set<string>()
  const add = (name: string): void => {
    if (names.has(name)) return
    names.add(name)
    for (const dependency of schema.file(name).proto.dependency) add(dependency)
  }
  add(module.file.name)
  module.block(
    `const file$descriptors = (): readonly Uint8Array[] =>`,
    () => {
      module.block(
        `${module.codec('fromBase64List')}([`,
        () => {
          for (const name of names) {
            const { proto } = schema.file(name)
            const bytes = FileDescriptorProto.encode({ ...proto, sourceCodeInfo: undefined })
            const text = Buffer.from(bytes).toString('base64')
            const lines = text.match(new RegExp(`.{1,${LINE_SIZE}}`, 'g')) ?? ['']
            lines.forEach((line, index) => {
              module.line(`${quote(line)}${index === lines.length - 1 ? ',' : ' +'}`)
            })
          }
        },
        '])',
      )
    },
    '',
  )
}
