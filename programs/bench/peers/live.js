'use strict'

// The same two processes as replicate: one appends, the other follows.

require('./replicate')
