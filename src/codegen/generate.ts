import type { FileDescriptorProto } from './descriptor/descriptor-table.js'
import { emitDescriptors } from './emit/emit-descriptors.js'
import { emitExtension } from './emit/emit-extension.js'
import { emitMessage } from './emit/emit-message.js'
import { emitService } from './emit/emit-service.js'
import { emitEnum } from './emit/emit-types.js'
import { ModuleText } from './emit/module-text.js'
import { NATIVE_FILES } from './emit/native-types.js'
import type { GenerateOptions } from './schema/generate-options.js'
import { modulePath } from './schema/names.js'
import type { FileNode } from './schema/nodes.js'
import { Schema } from './schema/schema.js'

/** A module that was generated. */
export interface GeneratedFile {
  /** Relative, with slashes. */
  readonly name: string
  readonly content: string
}

/**
 * The modules of `targets`, which are among `files`; imports come before what imports them. The same
 * input gives the same output.
 *
 * @throws GenerateError
 */
export function generate(
  files: readonly FileDescriptorProto[],
  targets: readonly string[],
  options: GenerateOptions,
): GeneratedFile[] {
  const schema = new Schema(files)
  return (
    targets
      // The codec brings these along.
      .filter(name => !NATIVE_FILES.has(name))
      .map(name => {
        const file = schema.file(name)
        return { name: `${modulePath(name)}.ts`, content: moduleOf(file, schema, options) }
      })
  )
}

const MESSAGE_SUFFIXES = ['Init', '$write', '$read']
const EXTENSION_SUFFIXES = ['$holder', '$holderInit', '$holder$write', '$holder$read']

function moduleOf(file: FileNode, schema: Schema, options: GenerateOptions): string {
  const module = new ModuleText(file, options)
  const messages = file.messages.filter(({ isMapEntry }) => !isMapEntry)
  for (const node of file.enums) module.declare(node, node.local, ['$type'])
  for (const node of messages) module.declare(node, node.local, MESSAGE_SUFFIXES)
  for (const node of file.services) {
    module.declare(node, node.proto.name ?? '', ['Methods', 'Handler', 'Client'])
  }
  for (const node of file.extensions) module.declare(node, node.local, EXTENSION_SUFFIXES)
  for (const node of file.enums) emitEnum(module, node)
  for (const node of messages) emitMessage(module, node)
  if (options.descriptors === 'embed') emitDescriptors(module, schema)
  for (const node of file.extensions) emitExtension(module, node)
  for (const node of file.services) emitService(module, node)
  return module.text()
}
