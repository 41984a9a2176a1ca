//! How an image is obtained: local, pulled, built, or bootstrapped from packages.
