// Glass, steel and clay spheres roll around a lamp. One turn takes the whole animation: clock runs 0 to 1.
#version 3.7;
global_settings { assumed_gamma 1 max_trace_level 8 }

#declare Turn = 360 * clock;

camera {
  location <0, 5.2, -11.5>
  look_at <0, 0.7, 0>
  right x * image_width / image_height
  angle 38
}

sky_sphere {
  pigment {
    gradient y
    color_map { [0.0 rgb <0.95, 0.80, 0.66>] [0.35 rgb <0.62, 0.72, 0.86>] [1.0 rgb <0.22, 0.33, 0.56>] }
  }
}
light_source { <-9, 12, -8> rgb <1.0, 0.93, 0.82> area_light x * 2, y * 2, 3, 3 adaptive 1 jitter }
light_source { <0, 1.6, 0> rgb <1.2, 0.75, 0.35> fade_distance 3 fade_power 2
  looks_like { sphere { 0, 0.35 pigment { rgb <1, 0.85, 0.55> } finish { emission 1.4 } } } }

plane {
  y, 0
  pigment { checker rgb <0.55, 0.50, 0.42> rgb <0.24, 0.27, 0.24> scale 1.4 rotate y * 45 }
  finish { diffuse 0.8 specular 0.15 reflection 0.06 }
}
cylinder { <0, 0, 0>, <0, 1.25, 0>, 0.12 pigment { rgb 0.15 } finish { specular 0.5 } }

#declare Seed = seed(7);
#for (I, 0, 8)
  #local Place = Turn + I * 40;
  #local Lift = 0.55 * abs(sin(radians(2 * Place + 30 * I)));
  sphere {
    <3.4, 0.62 + Lift, 0>, 0.62
    #switch (mod(I, 3))
      #case (0)
        pigment { rgbt <0.85, 0.95, 1, 0.9> } finish { specular 0.8 roughness 0.002 reflection { 0.05, 0.6 fresnel } }
        interior { ior 1.5 fade_distance 2 fade_power 1 fade_color <0.4, 0.8, 0.7> }
      #break
      #case (1)
        pigment { rgb <0.75, 0.74, 0.72> } finish { diffuse 0.15 specular 0.9 roughness 0.01 metallic reflection { 0.72 metallic } }
      #break
      #else
        pigment { rgb <0.75 - 0.25 * rand(Seed), 0.30, 0.14> } finish { diffuse 0.8 specular 0.1 }
    #end
    rotate y * Place
  }
#end
