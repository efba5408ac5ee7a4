/**
 * Looks at an lvol store on a medium, names what is wrong with it, and repairs what needs no guess.
 *
 * <p>Written from the format's description alone: it shares no code with the lvol package, whose
 * writing it judges, and depends on nothing of the engine but {@code linux}.
 */
@NullMarked
package io.diskengine.engine.lvcheck;

import org.jspecify.annotations.NullMarked;
