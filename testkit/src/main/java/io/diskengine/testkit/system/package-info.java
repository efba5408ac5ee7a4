/** The whole system as a user has it: {@code diskengine up} and its processes. */
@org.jspecify.annotations.NullMarked
package io.diskengine.testkit.system;
