/** Agents, store and engines together. */
@org.jspecify.annotations.NullMarked
package io.diskengine.testkit.system;
