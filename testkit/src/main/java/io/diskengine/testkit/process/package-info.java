/** Child processes that end with the test, or with the JVM. */
@org.jspecify.annotations.NullMarked
package io.diskengine.testkit.process;
