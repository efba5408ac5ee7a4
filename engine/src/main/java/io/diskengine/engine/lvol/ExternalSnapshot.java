package io.diskengine.engine.lvol;

/**
 * What a blob reads from a bdev outside its store where it has nothing of its own.
 *
 * @param clusters how many clusters of the blob's store the device is long
 */
record ExternalSnapshot(ExternalDevice device, int clusters) {}
