/** A vhost-user front-end that drives rings itself, also wrongly. */
@org.jspecify.annotations.NullMarked
package io.diskengine.testkit.vhost;
