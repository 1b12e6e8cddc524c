import ts from 'typescript'

/** The name under which instrumented code finds its counters. */
export const COUNTERS = '__microwireCounters'

/** A script with counters, but for how many there are in all. */
export interface Instrumented {
  readonly text: string
  /** The next free counter. */
  readonly next: number
}

/**
 * Puts a counter at every place where control may arrive: functions, branches,
 * loops, cases, and the operands that are not always evaluated.
 */
export function instrument(path: string, text: string, first: number): Instrumented {
  const tree = ts.createSourceFile(path, text, ts.ScriptTarget.ES2022, true, ts.ScriptKind.JS)
  const pieces: { at: number; text: string; order: number }[] = []
  let next = first
  const insert = (at: number, piece: string): void => {
    pieces.push({ at, text: piece, order: pieces.length })
  }
  const count = (): string => `__count[${next++}]++`
  const statement = (node: ts.Statement | undefined): void => {
    if (node === undefined) return
    if (ts.isBlock(node)) insert(node.getStart() + 1, `${count()};`)
    else {
      insert(node.getStart(), `{${count()};`)
      insert(node.getEnd(), '}')
    }
  }
  const expression = (node: ts.Expression): void => {
    insert(node.getStart(), `(${count()},`)
    insert(node.getEnd(), ')')
  }
  const visit = (node: ts.Node): void => {
    if (ts.isFunctionLike(node)) {
      const { body } = node as ts.FunctionLikeDeclaration
      if (body !== undefined && ts.isBlock(body)) insert(body.getStart() + 1, `${count()};`)
    } else if (ts.isIfStatement(node)) {
      // `else if` is a branch of its own anyway.
      statement(node.thenStatement)
      if (node.elseStatement !== undefined && !ts.isIfStatement(node.elseStatement))
        statement(node.elseStatement)
    } else if (ts.isIterationStatement(node, false)) statement(node.statement)
    else if (ts.isCaseOrDefaultClause(node)) {
      const [head] = node.statements
      if (head !== undefined) insert(head.getStart(), `${count()};`)
    } else if (ts.isCatchClause(node)) insert(node.block.getStart() + 1, `${count()};`)
    else if (ts.isConditionalExpression(node)) {
      expression(node.whenTrue)
      expression(node.whenFalse)
    } else if (ts.isBinaryExpression(node) && isShortCut(node.operatorToken.kind)) {
      expression(node.right)
    }
    ts.forEachChild(node, visit)
  }
  visit(tree)
  // What encloses comes first at its start and last at its end: stable for starts, reversed for ends.
  pieces.sort((a, b) => a.at - b.at || rank(a.text) - rank(b.text) || orderOf(a, b))
  let result = ''
  let from = 0
  for (const piece of pieces) {
    result += text.slice(from, piece.at) + piece.text
    from = piece.at
  }
  return { text: result + text.slice(from), next }
}

/** The line that every instrumented script begins with. `total` is a multiple of four. */
export function countersLine(total: number): string {
  return `const __count = globalThis.${COUNTERS} ??= new Uint8Array(${total});`
}

/** Ends before starts where both are at one place. */
function rank(text: string): number {
  return text === ')' || text === '}' ? 0 : 1
}

function orderOf(a: { text: string; order: number }, b: { text: string; order: number }): number {
  return rank(a.text) === 0 ? b.order - a.order : a.order - b.order
}

function isShortCut(kind: ts.SyntaxKind): boolean {
  return (
    kind === ts.SyntaxKind.AmpersandAmpersandToken ||
    kind === ts.SyntaxKind.BarBarToken ||
    kind === ts.SyntaxKind.QuestionQuestionToken
  )
}
