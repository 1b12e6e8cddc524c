/** How modules are generated. */
export interface GenerateOptions {
  /** How 64-bit integers arrive. Default: `bigint`. */
  readonly int64: 'bigint' | 'number' | 'string'
  /** `date`: a Date, with milliseconds. `exact`: `{ seconds, nanos }`. Default: `date`. */
  readonly timestamp: 'date' | 'exact'
  /** `ms`: milliseconds, with a fraction. `exact`: `{ seconds, nanos }`. Default: `ms`. */
  readonly duration: 'ms' | 'exact'
  /** Whether fields that the schema does not know are kept, in `$unknown`, and written again. Default: `drop`. */
  readonly unknown_fields: 'drop' | 'keep'
  /** `embed`: services have their descriptors, for server reflection. Default: `none`. */
  readonly descriptors: 'none' | 'embed'
  /** How modules name each other: `./money_mw.js`, `./money_mw.ts` or `./money_mw`. Default: `js`. */
  readonly import_extension: 'js' | 'ts' | 'none'
  /** The package that the codec comes from. Default: `microwire`. */
  readonly package: string
}

export const DEFAULT_OPTIONS: GenerateOptions = {
  int64: 'bigint',
  timestamp: 'date',
  duration: 'ms',
  unknown_fields: 'drop',
  descriptors: 'none',
  import_extension: 'js',
  package: 'microwire',
}

const CHOICES: Readonly<Record<string, readonly string[]>> = {
  int64: ['bigint', 'number', 'string'],
  timestamp: ['date', 'exact'],
  duration: ['ms', 'exact'],
  unknown_fields: ['drop', 'keep'],
  descriptors: ['none', 'embed'],
  import_extension: ['js', 'ts', 'none'],
}

/** A mistake in what the user gave: of the schema, or of the options. Its message is all that he needs. */
export class GenerateError extends Error {
  override readonly name = 'GenerateError'
}

/** Options from a plugin's parameter: `int64=string,timestamp=exact`. @throws GenerateError */
export function parseOptions(parameter: string): GenerateOptions {
  const options: Record<string, string> = { ...DEFAULT_OPTIONS }
  for (const part of parameter.split(',')) {
    const text = part.trim()
    if (text === '') continue
    const [name = '', ...rest] = text.split('=')
    setOption(options, name.trim(), rest.join('=').trim())
  }
  return options as unknown as GenerateOptions
}

function setOption(options: Record<string, string>, name: string, value: string): void {
  if (!Object.hasOwn(DEFAULT_OPTIONS, name)) {
    throw new GenerateError(
      `unknown option ${name}: there are ${Object.keys(DEFAULT_OPTIONS).join(', ')}`,
    )
  }
  const choices = CHOICES[name]
  if (choices !== undefined && !choices.includes(value)) {
    throw new GenerateError(`${name} must be one of ${choices.join(', ')}, got '${value}'`)
  }
  if (value === '') throw new GenerateError(`${name} must have a value`)
  options[name] = value
}
