/** The parts of hpack.js that the differential test uses; the package has no types. */
declare module 'hpack.js' {
  interface Field {
    readonly name: string
    readonly value: string
    readonly neverIndex?: boolean
    readonly huffman?: boolean
    readonly incremental?: boolean
  }
  interface Compressor {
    write(fields: readonly Field[]): void
    read(): Buffer | null
    reset(): void
  }
  interface Decompressor {
    write(block: Buffer): void
    execute(): void
    read(): (Field & { readonly neverIndex: boolean }) | null
    on(event: 'error', listener: (error: Error) => void): void
  }
  interface TableOptions {
    readonly table: { readonly maxSize: number }
  }
  interface HpackJs {
    readonly compressor: { create(options: TableOptions): Compressor }
    readonly decompressor: { create(options: TableOptions): Decompressor }
  }
  const hpackJs: HpackJs
  // biome-ignore lint/style/noDefaultExport: the package exports one object
  export default hpackJs
}
