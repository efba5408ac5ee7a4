package io.diskengine.store;

import io.diskengine.model.Inputs;
import io.diskengine.model.Sizes;

/** A request for a volume; validated. */
public record NewVolume(String name, long sizeBytes, int replicas) {
  public NewVolume {
    Inputs.volumeName(name);
    Sizes.checkVolumeSize(sizeBytes);
    Inputs.replicas(replicas);
  }
}
