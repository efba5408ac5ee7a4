/**
 * The store in memory: the rows and refusals of the one on PostgreSQL, held to it by a contract.
 */
@org.jspecify.annotations.NullMarked
package io.diskengine.testkit.store;
