import { readFileSync } from 'node:fs'
import t from 'tap'
import { optionRows, optionsPage, SECTIONS } from '../../scripts/options-page.js'
import { DEFAULT_CALL_LIMITS } from '../../src/grpc/index.js'
import { CLIENT_OPTION_NAMES } from '../../src/micro/client/client-options.js'
import { SERVER_OPTION_NAMES } from '../../src/micro/server/server-options.js'

const page = readFileSync('docs/options.md', 'utf8')

function namesOf(interfaceName: string, path: string): string[] {
  const section = SECTIONS.find(each => each.interface === interfaceName && each.path === path)
  return optionRows(section!).map(row => row.name)
}

t.test(
  'docs/options.md has every option of createServer, createClient and a call, no others',
  t => {
    const server = namesOf('ServerOptions', 'src/micro/server/server-options.ts')
    t.same([...server].sort(), [...SERVER_OPTION_NAMES].sort())
    const client = namesOf('ClientOptions', 'src/micro/client/client-options.ts')
    t.same([...client].sort(), [...CLIENT_OPTION_NAMES].sort())
    t.same(namesOf('CallLimits', 'src/grpc/wire/limits.ts'), Object.keys(DEFAULT_CALL_LIMITS))
    t.end()
  },
)

t.test('each option has a meaning and a default; each time and each size its unit', t => {
  for (const section of SECTIONS) {
    for (const { name, value, unit, meaning } of optionRows(section)) {
      const where = `${section.interface}.${name}`
      t.ok(meaning !== '', `${where} has a meaning`)
      t.ok(value !== '', `${where} has a default`)
      if (name.endsWith('Ms')) t.equal(unit, 'ms', where)
      if (/Size(Max)?$/.test(name)) t.match(unit, /bytes/, where)
    }
  }
  t.end()
})

t.test('the default of each limit of a call is that of the code', t => {
  const section = SECTIONS.find(each => each.interface === 'CallLimits')!
  for (const { name, value } of optionRows(section)) {
    const expected = DEFAULT_CALL_LIMITS[name as keyof typeof DEFAULT_CALL_LIMITS]
    t.equal(Number(value.replaceAll('_', '')), expected, name)
  }
  t.end()
})

t.test(
  'docs/options.md says what the code says: node .build/scripts/options-page.js > docs/options.md',
  t => {
    t.ok(page === optionsPage(), 'write the page again')
    t.end()
  },
)
