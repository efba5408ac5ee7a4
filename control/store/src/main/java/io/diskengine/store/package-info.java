/** PostgreSQL: migrations, repositories, grants, leases, journal, notifications. */
@org.jspecify.annotations.NullMarked
package io.diskengine.store;
