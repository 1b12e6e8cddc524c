import { runPlugin } from '../codegen/index.js'

/** Where the plugin writes. */
export interface PluginOutput {
  print(bytes: Uint8Array): void
  complain(text: string): void
}

/** The plugin as a program: a request on its input, a response on its output. Returns the exit code. */
export async function runPluginProgram(
  input: AsyncIterable<Uint8Array>,
  output: PluginOutput,
): Promise<number> {
  const chunks: Uint8Array[] = []
  for await (const chunk of input) chunks.push(chunk)
  try {
    output.print(runPlugin(Buffer.concat(chunks)))
    return 0
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error)
    output.complain(
      `protoc-gen-microwire: ${text}\nIt is a plugin of protoc and buf, which start it. By hand: microwire generate FILE.proto\n`,
    )
    return 1
  }
}
