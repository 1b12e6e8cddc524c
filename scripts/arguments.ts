import { type ParseArgsConfig, parseArgs } from 'node:util'

/**
 * Arguments of a program: `--help` and `-h` print its usage, and what it does not know is told with it. No
 * stack: the mistake is not in the program.
 */
export function readArguments<const T extends ParseArgsConfig>(
  usage: string,
  config: T,
): ReturnType<typeof parseArgs<T>> {
  if (process.argv.slice(2).some(word => word === '--help' || word === '-h')) {
    console.log(usage)
    process.exit(0)
  }
  try {
    return parseArgs(config)
  } catch (error) {
    const [problem] = (error as Error).message.split(/\. (?=To specify|This command)/)
    return refuse(usage, problem!)
  }
}

/** Ends the program with the exit code of a wrong argument. */
export function refuse(usage: string, problem: string): never {
  console.error(`${problem}\n\n${usage}`)
  process.exit(2)
}

/** The value of an option as a number that is not negative. */
export function numberOption(usage: string, name: string, text: string): number {
  const value = Number(text)
  if (text.trim() !== '' && value >= 0) return value
  return refuse(usage, `--${name} is '${text}'; expected a number of 0 or more`)
}

/** What `find` finds; what it throws is a mistake of the user. */
export function found<T>(usage: string, find: () => T): T {
  try {
    return find()
  } catch (error) {
    return refuse(usage, (error as Error).message)
  }
}
