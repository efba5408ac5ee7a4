/** Conformance suite, vhost-user front-end, guest harness. */
@org.jspecify.annotations.NullMarked
package io.diskengine.testkit;
