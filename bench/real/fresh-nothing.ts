// What Node itself takes.
const { user, system } = process.cpuUsage()
process.stdout.write(String((user + system) / 1_000))
