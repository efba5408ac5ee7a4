package io.diskengine.bench;

/** One of the two things that a suite compares. */
interface Side {
  String name();

  Sample run(Workload workload, long durationNs);
}
