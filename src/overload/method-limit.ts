/** How many handlers of a method, or of all methods of a service, may run or wait. */
export class MethodLimit {
  readonly name: string
  readonly max: number
  count = 0

  constructor(name: string, max: number) {
    this.name = name
    this.max = max
  }

  get isFull(): boolean {
    return this.count >= this.max
  }
}
