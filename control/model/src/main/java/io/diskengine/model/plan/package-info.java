/**
 * What was seen, what to do and the laws between them: pure planners from rows and observations to
 * actions. Nothing here does I/O, reads a clock or keeps anything (law 1).
 */
@NullMarked
package io.diskengine.model.plan;

import org.jspecify.annotations.NullMarked;
