package io.diskengine.engine.bdev;

/** A range of blocks on one device. */
public record LbaRange(long offsetBlocks, long lengthBlocks) {
  boolean overlaps(long offset, long length) {
    return offset < offsetBlocks + lengthBlocks && offsetBlocks < offset + length;
  }
}
