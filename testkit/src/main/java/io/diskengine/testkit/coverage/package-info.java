/** Pages of {@code docs/} that are made from, or held by, what the program really does. */
@org.jspecify.annotations.NullMarked
package io.diskengine.testkit.coverage;
