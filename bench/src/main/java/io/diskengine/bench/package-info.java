/** Benchmarks and their report. */
@org.jspecify.annotations.NullMarked
package io.diskengine.bench;
