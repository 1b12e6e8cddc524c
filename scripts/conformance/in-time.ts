/** The result of `work`, or an error when it takes too long. */
export async function inTime<T>(work: Promise<T>, timeMaxMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`took longer than ${timeMaxMs} ms`)), timeMaxMs)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}
