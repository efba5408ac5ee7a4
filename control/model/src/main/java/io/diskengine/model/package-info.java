/**
 * What should exist, what was seen, what to do: records, sealed actions, pure planners, the laws as
 * predicates.
 */
@org.jspecify.annotations.NullMarked
package io.diskengine.model;
