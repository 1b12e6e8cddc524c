import ts from 'typescript'

/** A documented name: an export, or a field of an interface. */
export interface Documented {
  readonly name: string
  /** The first paragraph of its comment, without tags, in one line; empty without a comment. */
  readonly text: string
  /** What its `@throws` tags say. */
  readonly throws: readonly string[]
}

/** One field of an options interface. */
export interface OptionField extends Documented {
  readonly isRequired: boolean
  /** As the source has it. */
  readonly type: string
}

const PRINTED = ts.createPrinter({ removeComments: true })

/** The fields of one interface of a source file, in order, those marked `@internal` left out. */
export function optionFields(path: string, name: string): OptionField[] {
  const source = parse(path)
  const found = source.statements.find(
    statement => ts.isInterfaceDeclaration(statement) && statement.name.text === name,
  ) as ts.InterfaceDeclaration | undefined
  if (found === undefined) throw new Error(`${path} has no interface ${name}`)
  return found.members
    .filter(member => ts.isPropertySignature(member) || ts.isMethodSignature(member))
    .filter(member => !hasTag(member, 'internal'))
    .map(member => ({
      name: member.name.getText(source),
      isRequired: member.questionToken === undefined,
      type: ts.isPropertySignature(member) ? typeText(member.type!, source) : 'function',
      ...commentOf(member),
    }))
}

/** The public members of a class or interface, methods with `()`, in order. */
export function publicMembers(path: string, name: string): Documented[] {
  const source = parse(path)
  const found = source.statements.find(
    statement =>
      (ts.isInterfaceDeclaration(statement) || ts.isClassDeclaration(statement)) &&
      statement.name?.text === name,
  ) as ts.InterfaceDeclaration | ts.ClassDeclaration | undefined
  if (found === undefined) throw new Error(`${path} has no class or interface ${name}`)
  const members = new Map<string, Documented>()
  for (const member of found.members) {
    const { name: label } = member
    if (label === undefined || !ts.isIdentifier(label) || hasTag(member, 'internal')) continue
    const isMethod = ts.isMethodSignature(member) || ts.isMethodDeclaration(member)
    const shown = isMethod ? `${label.text}()` : label.text
    const known = members.get(shown)
    // Of several shapes of a method the first with a comment counts; a setter follows its getter.
    if (known === undefined || known.text === '') {
      members.set(shown, { name: shown, ...commentOf(member) })
    }
  }
  return [...members.values()]
}

/** The comment right above a declaration. */
export function commentOf(node: ts.Node): Omit<Documented, 'name'> {
  const comments = ts.getJSDocCommentsAndTags(node).filter(ts.isJSDoc)
  const comment = comments.at(-1)
  const tags = comment?.tags?.filter(tag => tag.tagName.text === 'throws') ?? []
  return { text: oneLine(comment?.comment), throws: tags.map(tag => throwsText(tag)) }
}

/** Whether the comment has a tag. */
export function hasTag(node: ts.Node, name: string): boolean {
  return ts.getJSDocTags(node).some(tag => tag.tagName.text === name)
}

/** What the compiler takes for a type or a link within the tag is text to us. */
function throwsText(tag: ts.JSDocTag): string {
  const text = tag.getText().replace(/^@throws\s*/, '')
  return text.replace(/\s*\n\s*\*?\s*/g, ' ').trim()
}

function oneLine(comment: string | ts.NodeArray<ts.JSDocComment> | undefined): string {
  return (ts.getTextOfJSDocComment(comment) ?? '')
    .replace(/\n\s*\n[\s\S]*$/, '')
    .replace(/\s*\n\s*/g, ' ')
    .trim()
}

function typeText(type: ts.TypeNode, source: ts.SourceFile): string {
  return PRINTED.printNode(ts.EmitHint.Unspecified, type, source).replace(/\s*\n\s*/g, ' ')
}

function parse(path: string): ts.SourceFile {
  const text = ts.sys.readFile(path)
  if (text === undefined) throw new Error(`${path} is not there`)
  return ts.createSourceFile(path, text, ts.ScriptTarget.ES2022, true)
}
