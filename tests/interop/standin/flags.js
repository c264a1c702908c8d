'use strict'

class UsageError extends Error {}

/** Splits an argument list by a table { name: 'flag' | 'one' | 'many' }. */
function flags(argv, table) {
  const options = {}
  const rest = []
  for (let i = 0; i < argv.length; i++) {
    if (!argv[i].startsWith('--')) {
      rest.push(argv[i])
      continue
    }
    const name = argv[i].slice(2)
    const kind = table[name]
    if (!kind) throw new UsageError('unknown flag --' + name)
    if (kind === 'flag') options[name] = true
    else if (++i >= argv.length) throw new UsageError(`--${name} needs a value`)
    else if (kind === 'one') options[name] = argv[i]
    else (options[name] = options[name] || []).push(argv[i])
  }
  return { options, rest }
}

module.exports = { flags, UsageError }
