import { DEFAULT_OPTIONS, FileDescriptorSet, generate } from '../../src/codegen/index.js'

/** Where each file's module lies, beside the generator that uses it. */
const PLACES: Readonly<Record<string, string>> = {
  'google/protobuf/descriptor.proto': 'src/codegen/descriptor/descriptor-table.ts',
  'google/protobuf/compiler/plugin.proto': 'src/codegen/descriptor/plugin-table.ts',
}

/** The two modules, from a serialised `FileDescriptorSet`; without the comments, which are longer than the rest. */
export function generateTables(set: Uint8Array): { name: string; content: string }[] {
  const { file } = FileDescriptorSet.decode(set)
  const bare = file.map(each => ({ ...each, sourceCodeInfo: undefined }))
  return generate(bare, Object.keys(PLACES), DEFAULT_OPTIONS).map(({ content }, index) => ({
    name: Object.values(PLACES)[index]!,
    content: content
      .replace("'microwire/codec'", "'../../codec/index.js'")
      .replace("'../descriptor_mw.js'", "'./descriptor-table.js'"),
  }))
}
