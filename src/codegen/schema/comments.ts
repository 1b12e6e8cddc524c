import type { FileDescriptorProto } from '../descriptor/descriptor-table.js'

/** The comments of a file, by the place they are at. */
export class Comments {
  readonly #byPath = new Map<string, readonly string[]>()

  constructor(file: FileDescriptorProto) {
    for (const location of file.sourceCodeInfo?.location ?? []) {
      const text = [location.leadingComments, location.trailingComments]
        .filter(each => each !== undefined && each !== '')
        .join('\n')
      if (text !== '') this.#byPath.set(location.path.join(), linesOf(text))
    }
  }

  at(path: readonly number[]): readonly string[] {
    return this.#byPath.get(path.join()) ?? []
  }
}

/** As lines of a doc comment, which they cannot end. */
function linesOf(text: string): string[] {
  const lines = text
    .split('\n')
    .map(line => line.replace(/^ /, '').trimEnd().replaceAll('*/', '*\u200b/'))
  while (lines.length > 0 && lines.at(-1) === '') lines.pop()
  while (lines.length > 0 && lines[0] === '') lines.shift()
  return lines
}
